/** Anthropic's wire format, which some gateways speak too. */
import { TEXT_FIELDS } from '../text/request.js';
import type { Vendor } from '../vendor.js';
import { anthropicMessages } from './messages.js';

export const anthropic: Vendor = {
  'anthropic-messages': {
    modalities: ['text'],
    sends: TEXT_FIELDS.filter((name) => name !== 'seed'),
    open: anthropicMessages,
  },
};
