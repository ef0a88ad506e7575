/**
 * Runs Apache Kafka on this machine, for tests and for people without Docker: one node that is
 * broker and controller at once, fetched from Maven Central with Maven.
 *
 *   fetch (once per version, cached) → format (once per folder) → start → ready line → until ended
 *
 * The broker never outlives this process, however that ends: a shell holds the other end of a pipe
 * and ends the broker when it closes.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { access, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';

const VERSION = '4.3.1';
const DEPENDENCIES = [
  ['org.apache.kafka', 'kafka_2.13', VERSION],
  ['org.slf4j', 'slf4j-simple', '1.7.36'],
];

const HELP = `Runs Apache Kafka ${VERSION} on this machine: node scripts/kafka.mjs [options]

  --port P       where it listens on 127.0.0.1 (9092; 0 picks a free one)
  --advertise P  the port that clients are told, of a proxy on 127.0.0.1 (the same)
  --dir D        where it keeps its data (data/kafka)
  --fetch-only   only fetches the program, so that a later start is quick
  --tied         ends when standard input closes: for programs that start it
  --help         shows this

Needs Java 17 or newer, and mvn the first time. The program is kept in
\${XDG_CACHE_HOME:-~/.cache}/modelroute/kafka-${VERSION}. Ctrl-C ends it.`;

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '9092' },
    advertise: { type: 'string' },
    dir: { type: 'string', default: 'data/kafka' },
    'fetch-only': { type: 'boolean', default: false },
    tied: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const say = (line) => void process.stdout.write(`${line}\n`);

/** The folder of jars; it appears whole or not at all, so that two may fetch at one time. */
async function fetched() {
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'modelroute');
  const libs = join(cache, `kafka-${VERSION}`);
  if (await isThere(libs)) return libs;
  await mkdir(cache, { recursive: true });
  const building = await mkdtemp(join(cache, 'kafka-'));
  try {
    await writeFile(join(building, 'pom.xml'), pom());
    say(`fetching Kafka ${VERSION} (about 44 MB)`);
    const goal = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies';
    const args = ['-q', '-B', goal, '-DoutputDirectory=libs', '-DincludeScope=runtime'];
    await done('mvn', args, { cwd: building });
    await rename(join(building, 'libs'), libs).catch(async (error) => {
      if (!(await isThere(libs))) throw error;
    });
  } finally {
    await rm(building, { recursive: true, force: true });
  }
  return libs;
}

const pom = () => `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>modelroute</groupId>
  <artifactId>kafka</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>${DEPENDENCIES.map(
    ([group, artifact, version]) => `
    <dependency>
      <groupId>${group}</groupId>
      <artifactId>${artifact}</artifactId>
      <version>${version}</version>
    </dependency>`,
  ).join('')}
  </dependencies>
</project>
`;

/** Another process may take a port that was free a moment ago: then two others are tried. */
async function run(libs) {
  const dir = resolve(values.dir);
  const settings = join(dir, 'server.properties');
  const ports = Number(values.port) > 0 ? [Number(values.port)] : [];
  await mkdir(dir, { recursive: true });
  for (let left = 5; ; left -= 1) {
    const [controller, broker = ports[0]] = await freePorts(2 - ports.length);
    await writeFile(settings, properties(join(dir, 'log'), broker, controller));
    if (!(await isThere(join(dir, 'log', 'meta.properties')))) await format(libs, settings);
    const code = await serve(libs, settings, broker);
    if (code !== 'port in use') return code;
    if (left === 0 || (await isTaken(ports[0])))
      throw new Error(`Port ${broker} is in use: set --port to another one (0 picks a free one).`);
  }
}

const properties = (logDir, broker, controller) => `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${controller}
listeners=BROKER://127.0.0.1:${broker},CONTROLLER://127.0.0.1:${controller}
advertised.listeners=BROKER://127.0.0.1:${values.advertise ?? broker}
listener.security.protocol.map=BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=BROKER
controller.listener.names=CONTROLLER
log.dirs=${logDir}
auto.create.topics.enable=false
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
# A broker that was killed may come back at once, and need not wait until it is declared dead.
broker.session.timeout.ms=1500
broker.heartbeat.interval.ms=300
`;

async function format(libs, settings) {
  // 16 bytes are 22 characters; one that begins with a dash would be read as an option.
  const id = randomBytes(16).toString('base64url').replace(/^-/, 'A');
  await done('java', [
    ...onClassPath(libs),
    'kafka.tools.StorageTool',
    'format',
    '-t',
    id,
    '-c',
    settings,
  ]);
}

/** The exit code, after what ended it; or that a port was in use. */
async function serve(libs, settings, port) {
  const quiet = [
    '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
    '-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info',
  ];
  const sizes = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
  const args = [...sizes, ...quiet, ...onClassPath(libs), 'kafka.Kafka', settings];
  const broker = spawn('java', args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const gone = once(broker, 'exit').catch((error) => Promise.reject(missing('java', error)));
  if (broker.pid) watchOver(broker.pid);
  let asked = false;
  const end = () => {
    if (asked) broker.kill('SIGKILL');
    asked = true;
    broker.kill('SIGTERM');
  };
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, end);
  if (values.tied) process.stdin.on('end', end).on('error', end).resume();
  let isPortTaken = false;
  for (const stream of [broker.stdout, broker.stderr])
    createInterface({ input: stream }).on('line', (line) => {
      isPortTaken ||= /Address already in use|BindException/.test(line);
      if (!line.includes('Kafka Server started')) return process.stderr.write(`${line}\n`);
      say(`Kafka ${VERSION} is ready on 127.0.0.1:${port} (pid ${broker.pid})`);
    });
  const [code, signal] = await gone;
  for (const name of ['SIGINT', 'SIGTERM']) process.off(name, end);
  process.stdin.pause();
  if (isPortTaken && !asked) return 'port in use';
  if (!asked) process.stderr.write(`Kafka ended by itself (${signal ?? code})\n`);
  return asked ? 0 : 1;
}

/** Ends the broker once this process is gone; a broker that ended before is let be. */
function watchOver(pid) {
  const started = 'ps -o lstart= -p "$0"';
  const script = `at=$(${started}); read -r _; [ "$(${started})" = "$at" ] && kill -KILL "$0"`;
  const options = { detached: true, stdio: ['pipe', 'ignore', 'ignore'] };
  const shell = spawn('sh', ['-c', script, String(pid)], options);
  shell.unref();
  shell.stdin.unref();
}

const onClassPath = (libs) => ['-cp', join(libs, '*')];

async function done(command, args, options = {}) {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  const said = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => said.push(part));
  const [code] = await once(child, 'close').catch((error) =>
    Promise.reject(missing(command, error)),
  );
  if (code !== 0) throw new Error(`${command} failed (${code}):\n${Buffer.concat(said)}`);
}

const missing = (command, error) =>
  error.code === 'ENOENT' ? new Error(`Kafka needs ${command}, which is not installed.`) : error;

const isThere = (path) =>
  access(path).then(
    () => true,
    () => false,
  );

/** Held open together, so that they differ. */
async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}

async function isTaken(port) {
  if (port === undefined) return false;
  const server = createServer().listen(port, '127.0.0.1');
  return Promise.race([
    once(server, 'listening')
      .then(() => once(server.close(), 'close'))
      .then(() => false),
    once(server, 'error').then(() => true),
  ]).catch(() => true);
}

if (values.help) {
  say(HELP);
  process.exit(0);
}
try {
  const libs = await fetched();
  if (values['fetch-only']) say(`Kafka ${VERSION} lies in ${libs}`);
  else process.exitCode = await run(libs);
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
