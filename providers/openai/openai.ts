/** OpenAI's wire formats, which many other servers speak too. */
import { TEXT_FIELDS } from '../text/request.js';
import type { Vendor } from '../vendor.js';
import { openaiChat } from './chat.js';
import { openaiEmbeddings } from './embeddings.js';
import { openaiImages } from './images.js';
import { openaiSpeech } from './speech.js';
import { openaiTranscription } from './transcription.js';

export const openai: Vendor = {
  'openai-chat': { modalities: ['text'], sends: TEXT_FIELDS, open: openaiChat },
  'openai-images': { modalities: ['image'], mapsInput: true, open: openaiImages },
  'openai-speech': { modalities: ['audio'], mapsInput: true, open: openaiSpeech },
  'openai-transcription': {
    modalities: ['transcription'],
    mapsInput: true,
    open: openaiTranscription,
  },
  'openai-embeddings': { modalities: ['embedding'], mapsInput: true, open: openaiEmbeddings },
};
