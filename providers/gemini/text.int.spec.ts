import { providerAdapterContract } from '../testing/contract.js';

providerAdapterContract('gemini-text', {
  adapter: 'gemini-text',
  path: '/models/model-1:generateContent',
  version: '/v1beta',
  credentialHeader: 'x-goog-api-key',
  body: { generationConfig: { maxOutputTokens: 64 } },
  call: { modality: 'text', input: { prompt: 'canary-prompt-1b2f Why?', max_tokens: 64 } },
  answer: {
    candidates: [
      {
        content: { parts: [{ text: 'Because.' }], role: 'model' },
        finishReason: 'STOP',
        index: 0,
      },
    ],
    usageMetadata: { promptTokenCount: 9, candidatesTokenCount: 2, totalTokenCount: 11 },
    modelVersion: 'model-1',
    responseId: 'mAitaLmkHPPlz7IPvtfUqQ4',
  },
  outcome: {
    kind: 'succeeded',
    output: { modality: 'text', text: 'Because.', finishReason: 'stop' },
    usage: { inputTokens: 9, outputTokens: 2 },
  },
});
