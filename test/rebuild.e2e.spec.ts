/** Read models are views: built anew from the log, while work goes on, they are the same. */
import { expect } from 'chai';
import { newTenant, operate, type List, type Tenant } from '../testing/client.js';
import { eventually } from '../testing/eventually.js';
import { randomFrom } from '../testing/random.js';
import { startReceiver } from '../testing/receiver.js';
import { behaveWell } from '../sandbox/testing/behaviour.js';
import { sharedSystem } from '../testing/system-in-suite.js';
import { audit, untilCalm, type Scene } from './storm/audit.js';
import { startLoad, type Load } from './storm/load.js';

interface Projection {
  readonly name: string;
  readonly state: string;
  readonly generation: number;
  readonly head: string;
  readonly rebuild: { readonly requested: boolean; readonly error: string | null };
  readonly checksum: {
    readonly position: string;
    readonly rows: string;
    readonly checksum: string;
  };
}

const AMOUNT = '1000';

describe('rebuilding the read models', function () {
  this.timeout(240_000);
  const system = sharedSystem();
  let tenant: Tenant;
  let load: Load;
  let scene: Scene;
  before(async () => {
    tenant = await newTenant(system(), AMOUNT);
    await behaveWell(system().sandboxUrl);
    const receiver = await startReceiver();
    const tenants = [tenant];
    load = startLoad({
      tenants,
      receiverUrl: receiver.url,
      textModels: ['text-generation-standard'],
      lanes: 4,
      pauseMs: [50, 150],
      random: randomFrom('rebuild'),
    });
    const { sandboxUrl } = system();
    scene = { tenants, amount: AMOUNT, load, receiver, sandboxUrl, isAlone: false };
  });
  after(() => load.abandon());

  const projections = async (query = '') =>
    (await operate<List<Projection>>(system(), `/projections${query}`)).data;

  /** All at once; resolves when each has been put in the live one's place. */
  const rebuildAll = async () => {
    const before = new Map((await projections()).map((one) => [one.name, one.generation]));
    for (const name of before.keys()) await operate(system(), `/projections/${name}/rebuild`, {});
    const isNew = ({ name, state, generation, rebuild }: Projection) => {
      if (rebuild.error) throw new Error(`${name}: ${rebuild.error}`);
      return state === 'running' && generation > (before.get(name) ?? 0);
    };
    await eventually('all are rebuilt', async () => (await projections()).every(isNew), 150_000);
    return before.size;
  };

  const comparisons = () =>
    system()
      .lines()
      .filter((line) => line.includes('"msg":"rebuilt"'))
      .map((line) => JSON.parse(line) as { projection: string; equal?: boolean });

  it('while load runs gives, at one position, the rows that are live', async () => {
    // Other specs may have had some rebuilt before.
    const earlier = comparisons().length;
    const count = await rebuildAll();
    expect(count).to.be.at.least(7);
    await eventually('the log tells of all', () => comparisons().length >= earlier + count);
    const made = comparisons().slice(earlier);
    expect(made).to.have.length(count);
    expect(made.filter(({ equal }) => equal !== true)).to.deep.equal([]);
    expect(load.counts.accepted).to.be.above(20);
  });

  it('harms nobody who reads or writes meanwhile', async () => {
    await load.stop();
    await untilCalm(scene);
    expect(await audit(scene)).to.deep.equal([]);
  });

  it('gives the same checksums again when nothing happens meanwhile', async () => {
    // Without the position: that a rebuild was asked for is in the log too.
    const sums = async () =>
      (await projections('?checksum=true')).map(({ name, checksum: { rows, checksum } }) => ({
        name,
        rows,
        checksum,
      }));
    const head = async () => BigInt((await projections())[0]?.head ?? 0);
    // What others began, or a webhook's record, may still come; each request is an event itself.
    const undisturbed = async () => {
      const from = await head();
      const live = await sums();
      const requests = await rebuildAll();
      const rebuilt = await sums();
      const isAlone = (await head()) - from === BigInt(requests);
      return isAlone ? { live, rebuilt } : undefined;
    };
    const { live, rebuilt } = await eventually('nothing else happens', undisturbed, 200_000);
    expect(rebuilt).to.deep.equal(live);
    expect(rebuilt.every(({ rows }) => rows !== '')).to.equal(true);
  });
});
