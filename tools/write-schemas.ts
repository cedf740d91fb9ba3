/** Writes the JSON Schemas of the settings files, which editors use: `node tools/write-schemas.ts`. A test compares them. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { routerJsonSchema } from '../host/router/settings-file.ts';
import { serverJsonSchema } from '../host/server/distribution-policies/policy-file.ts';

const root = join(import.meta.dirname, '..');
writeFileSync(
  join(root, 'host/router/router.schema.json'),
  `${JSON.stringify(routerJsonSchema(), null, 2)}\n`,
);
writeFileSync(
  join(root, 'host/server/distribution-policies/server.schema.json'),
  `${JSON.stringify(serverJsonSchema(), null, 2)}\n`,
);
