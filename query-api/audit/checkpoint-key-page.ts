/** The public keys that sign checkpoints, one a line as C2SP writes them, the newest first. */
import { Refusal, type Mount } from '../../http/server/route.js';
import type { SignedLog } from '../../infra/proof-store/signed-log.js';
import type { QueryInfra } from '../query-infra.js';

export const checkpointKeyPage = (
  { proofs }: Pick<QueryInfra, 'proofs'>,
  log: SignedLog,
): Mount => ({
  path: '/.well-known/modelroute/checkpoint-key',
  async handle() {
    const signer = await log.signer();
    if (!signer) return new Refusal('NOT_FOUND');
    const others = (await proofs.vkeys(signer.name)).filter((vkey) => vkey !== signer.vkey);
    const headers = { 'content-type': 'text/plain; charset=utf-8' };
    return { status: 200, headers, raw: `${[signer.vkey, ...others].join('\n')}\n` };
  },
});
