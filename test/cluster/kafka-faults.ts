/** What an operator's slip does to a Kafka that others rely on. */
import { Kafka, logLevel, type Admin } from 'kafkajs';
import { PARTITIONS, PREFIX, RELAYED, topicOf } from '../../infra/event-bus/kafka/names.js';
import { eventually } from '../../testing/eventually.js';

type Environment = Readonly<Record<string, string>>;

const topics = RELAYED.map((category) => topicOf(PREFIX, category));
/** A killed member counts as one until its session ends. */
const MEMBERS_GONE_MS = 30_000;

/** All groups read everything again. They must have no living members. */
export function resetOffsets(env: Environment): Promise<void> {
  return asAdmin(env, async (admin) => {
    const { groups } = await admin.listGroups();
    const ours = groups.map(({ groupId }) => groupId).filter((id) => id.startsWith(`${PREFIX}.`));
    if (ours.length === 0) throw new Error('Kafka knows no group of ours');
    const isEmpty = async () => {
      const described = await admin.describeGroups(ours);
      return described.groups.every(({ members }) => members.length === 0);
    };
    await eventually('the groups are empty', isEmpty, MEMBERS_GONE_MS);
    // Each takes its time: the client joins the group for it.
    const reset = async (groupId: string) => {
      for (const topic of topics) await admin.resetOffsets({ groupId, topic, earliest: true });
    };
    await Promise.all(ours.map(reset));
  });
}

/** Everything in it is lost; who reads and writes it finds an empty one of the same name. */
export function makeTopicAnew(env: Environment): Promise<void> {
  return asAdmin(env, async (admin) => {
    await admin.deleteTopics({ topics });
    const isGone = async () => {
      const there = await admin.listTopics();
      return topics.every((topic) => !there.includes(topic));
    };
    await eventually('the topic is gone', isGone, 10_000);
    const made = topics.map((topic) => ({ topic, numPartitions: PARTITIONS }));
    // The client's own way to wait for leaders gives up while the broker does not know the topic.
    await admin.createTopics({ topics: made, waitForLeaders: false });
    await eventually('the topic is there', () => haveLeaders(admin), 10_000);
  });
}

const haveLeaders = (admin: Admin): Promise<boolean> =>
  admin.fetchTopicMetadata({ topics }).then(
    (answer) =>
      answer.topics.every(
        ({ partitions }) =>
          partitions.length === PARTITIONS && partitions.every(({ leader }) => leader >= 0),
      ),
    () => false,
  );

async function asAdmin(env: Environment, work: (admin: Admin) => Promise<void>): Promise<void> {
  const brokers = (env['KAFKA_BROKERS'] ?? '').split(',');
  const admin = new Kafka({ brokers, clientId: 'faults', logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    await work(admin);
  } finally {
    await admin.disconnect();
  }
}
