/** Google's Gemini API. */
import type { Vendor } from '../vendor.js';
import { geminiText } from './text.js';

export const gemini: Vendor = {
  'gemini-text': { modalities: ['text'], open: geminiText },
};
