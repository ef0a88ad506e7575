import { providerAdapterContract } from '../testing/contract.js';

providerAdapterContract('anthropic-messages', {
  adapter: 'anthropic-messages',
  path: '/messages',
  credentialHeader: 'x-api-key',
  call: { modality: 'text', input: { prompt: 'canary-prompt-1b2f Why?', max_tokens: 64 } },
  answer: {
    id: 'msg_013Zva2CMHLNnXjNJJKqJ2EF',
    type: 'message',
    role: 'assistant',
    model: 'model-1',
    content: [{ type: 'text', text: 'Because.' }],
    stop_reason: 'end_turn',
    stop_sequence: null,
    usage: { input_tokens: 9, output_tokens: 2 },
  },
  outcome: {
    kind: 'succeeded',
    output: { modality: 'text', text: 'Because.', finishReason: 'stop' },
    usage: { inputTokens: 9, outputTokens: 2 },
  },
});
