/** Google's Gemini API. */
import { TEXT_FIELDS } from '../text/request.js';
import type { Vendor } from '../vendor.js';
import { geminiEmbeddings } from './embeddings.js';
import { geminiImages } from './images.js';
import { geminiText } from './text.js';

export const gemini: Vendor = {
  'gemini-text': { modalities: ['text'], sends: TEXT_FIELDS, open: geminiText },
  'gemini-images': {
    modalities: ['image'],
    sends: ['prompt', 'image', 'images', 'width', 'height', 'aspect_ratio', 'num_images', 'seed'],
    capabilities: { max_images: 1 },
    open: geminiImages,
  },
  'gemini-embeddings': {
    modalities: ['embedding'],
    sends: ['texts', 'dimensions'],
    open: geminiEmbeddings,
  },
};
