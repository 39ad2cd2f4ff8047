// An issuer of OpenID Connect on loopback, as people run it: node issuer.mjs PORT ALGORITHM KEY_ID
//
// It makes a key of its own at each start and says `ready` when it can be asked. Its one client gets access tokens for
// the API that it names as `resource` (RFC 8707), signed by RFC 9068.

import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const [port, alg, kid] = process.argv.slice(2);
const makeKeyPair = {
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: () => generateKeyPairSync('ed25519'),
};
const jwk = makeKeyPair[alg]().privateKey.export({ format: 'jwk' });

const provider = new Provider(`http://127.0.0.1:${port}`, {
  jwks: { keys: [{ ...jwk, alg, kid, use: 'sig' }] },
  clientDefaults: { id_token_signed_response_alg: alg },
  clients: [
    {
      client_id: 'machine',
      client_secret: 'not-much-of-a-secret',
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
    },
  ],
  extraTokenClaims: () => ({ organizationId: 'org_1', email: 'machine@acme.example', roles: ['worker'] }),
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_, audience) => ({
        audience,
        scope: 'read write',
        accessTokenFormat: 'jwt',
        accessTokenTTL: 300,
        jwt: { sign: { alg } },
      }),
    },
  },
});

const server = createServer(provider.callback()).listen(Number(port), '127.0.0.1');
await once(server, 'listening');
console.log('ready');
