import { sharedKafka } from './testing/broker.js';
import { offered } from '../../event-store/testing/contract/kit.js';
import { eventBusContract } from '../testing/contract.js';
import { openStage } from './testing/kit.js';

describe('the bus over Kafka', function () {
  let brokers = '';
  before(async function () {
    this.timeout(200_000);
    ({ brokers } = offered(this, await sharedKafka()));
  });

  eventBusContract(
    'over Kafka, postgres',
    async () => {
      const stage = await openStage(brokers);
      stage.startRelay();
      const { store } = stage;
      return { store, open: async () => stage.openBus(), close: () => stage.close() };
    },
    20_000,
  );
});
