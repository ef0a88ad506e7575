/** OpenAI's wire formats, which many other servers speak too. */
import type { Vendor } from '../vendor.js';
import { openaiChat } from './chat.js';
import { openaiImages } from './images.js';

export const openai: Vendor = {
  'openai-chat': { modalities: ['text'], open: openaiChat },
  'openai-images': { modalities: ['image'], open: openaiImages },
};
