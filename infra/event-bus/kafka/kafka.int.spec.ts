import { sharedKafka } from '../../../test/support/kafka.js';
import { offered } from '../../event-store/contract/kit.js';
import { eventBusContract } from '../contract.js';
import { openStage } from './spec-support.js';

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
