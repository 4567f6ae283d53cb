// ops/drill/faults/drop-schemas.ts: loses tables, as somebody at the wrong prompt would.

import { openDatabase, quoteIdentifier } from '../../../shared/postgres/database.ts';

export const dropSchemas = async (url: string, schemas: readonly string[]): Promise<void> => {
  const database = openDatabase({ url, schema: 'public', applicationName: 'drill', maxConnections: 1 });
  try {
    for (const schema of schemas) await database.query(`DROP SCHEMA ${quoteIdentifier(schema)} CASCADE`);
  } finally {
    await database.end();
  }
};
