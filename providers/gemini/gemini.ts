/** Google's Gemini API. */
import type { Vendor } from '../vendor.js';
import { geminiEmbeddings } from './embeddings.js';
import { geminiImages } from './images.js';
import { geminiText } from './text.js';

export const gemini: Vendor = {
  'gemini-text': { modalities: ['text'], open: geminiText },
  'gemini-images': { modalities: ['image'], open: geminiImages },
  'gemini-embeddings': { modalities: ['embedding'], open: geminiEmbeddings },
};
