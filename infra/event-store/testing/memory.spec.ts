import { randomUUID } from 'node:crypto';
import { createCodec } from '../codec.js';
import { eventStoreContract } from './contract.js';
import { decodedRow } from '../decoded-rows.js';
import { createMemoryLog, openMemoryEventStore } from './memory.js';

eventStoreContract('memory', async (log) => {
  const memory = createMemoryLog();
  const codec = createCodec(log);
  return {
    store: openMemoryEventStore({ log, memory }),
    openAnother: async (options) => openMemoryEventStore({ log, memory, ...options }),
    payload: async (ref) => memory.payloads.get(ref),
    async appendRaw(event) {
      const position = (memory.rows.at(-1)?.row.position ?? -1n) + 1n;
      const decoded = decodedRow(codec, { ...event, id: randomUUID(), position });
      memory.rows.push(decoded);
      memory.streams.set(event.stream, [...(memory.streams.get(event.stream) ?? []), decoded]);
    },
    processes: 'memory ends with its process: no other process can open it',
    holdOpen: 'memory has no transactions',
    cut: 'memory has no connections',
    close: async () => undefined,
  };
});
