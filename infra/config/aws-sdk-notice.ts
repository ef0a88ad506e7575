/**
 * On Node 20 the AWS SDK tells, outside of the log, that its later versions will want a newer one.
 * Ours is pinned, so that is for whoever updates it and not for whoever reads the log.
 */
export function silenceSdkNotice(): void {
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';
}
