import { randomUUID } from 'node:crypto';
import { createCodec } from '../codec.js';
import { eventStoreContract } from './contract.js';
import { entryOf } from '../entries.js';
import { createMemoryLog, openMemoryEventStore } from './memory.js';

eventStoreContract('memory', async (log) => {
  const memory = createMemoryLog();
  const codec = createCodec(log);
  return {
    store: openMemoryEventStore({ log, memory }),
    openAnother: async (options) => openMemoryEventStore({ log, memory, ...options }),
    payload: async (ref) => memory.payloads.get(ref),
    async appendRaw(event) {
      const position = (memory.entries.at(-1)?.row.position ?? -1n) + 1n;
      const entry = entryOf(codec, { ...event, id: randomUUID(), position });
      memory.entries.push(entry);
      memory.streams.set(event.stream, [...(memory.streams.get(event.stream) ?? []), entry]);
    },
    processes: 'memory ends with its process: no other process can open it',
    holdOpen: 'memory has no transactions',
    cut: 'memory has no connections',
    close: async () => undefined,
  };
});
