/** Anthropic's wire format, which some gateways speak too. */
import type { Vendor } from '../vendor.js';
import { anthropicMessages } from './messages.js';

export const anthropic: Vendor = {
  'anthropic-messages': { modalities: ['text'], open: anthropicMessages },
};
