// ops/cli/main.ts: `npm run orders -- VERB`: the operator's command line. Reads the environment and composes; each verb has
// its own file.

import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command, Option } from 'commander';
import { CLIENT_ROLES, type Role, USER_ROLES } from '../../api/access/roles.ts';
import { createLogClient, type LogClient } from '../../shared/log/connect/client.ts';
import { kafkaConnection } from '../../shared/log/connect/connection.ts';
import { refuseForeignRecords } from '../../shared/log/topics/refuse-foreign-records.ts';
import { createLogger } from '../../shared/runtime/logger.ts';
import { type Addresses, findAddresses } from './addresses.ts';
import { type ArchiveDropOptions, runArchiveDrop, runArchiveList } from './archive-command.ts';
import { type CreateClientOptions, runCreateClient } from './create-client-command.ts';
import { type CreateUserOptions, runCreateUser } from './create-user-command.ts';
import { type DeadLettersOptions, runDeadLetters } from './dead-letters-command.ts';
import { durationMs, moment, schemaName, wholeNumber } from './options.ts';
import { type RebuildCommandOptions, runRebuild } from './rebuild-command.ts';
import { type KeptDropOptions, runKeptDrop, runKeptList } from './recovery/kept-command.ts';
import { type RestoreLogCommandOptions, runRestoreLog } from './recovery/restore-log-command.ts';
import { type RedriveOptions, runRedrive } from './redrive-command.ts';
import { createTerminal, type Terminal } from './terminal.ts';
import { runVerify } from './verify-command.ts';

const CHECKOUT = resolve(import.meta.dirname, '..', '..');

type Verb = (client: LogClient, addresses: Addresses, terminal: Terminal) => Promise<number>;

/** For verbs that read or write events by their partition. */
const onOurPartitions =
  (verb: Verb): Verb =>
  async (client, ...rest) => {
    await refuseForeignRecords(client);
    return verb(client, ...rest);
  };

const run = (verb: Verb) => async (): Promise<void> => {
  const terminal = createTerminal({ json: program.opts<{ json?: boolean }>().json === true });
  try {
    const addresses = findAddresses(process.env, join(CHECKOUT, '.data', 'run.json'));
    // What goes wrong is said in the result; the client's own lines would only disturb it.
    const logger = createLogger('orders', process.env.LOG_LEVEL ?? 'silent');
    const partitionCounts = new Map([
      [addresses.ORDERS_TOPIC, addresses.ORDERS_PARTITIONS],
      [addresses.PRODUCTS_TOPIC, addresses.PRODUCTS_PARTITIONS],
    ]);
    const client = createLogClient({ ...kafkaConnection(addresses), clientId: 'orders-cli', logger, partitionCounts });
    process.exitCode = await verb(client, addresses, terminal).catch(async (error) => {
      throw (await client.securityMismatch(error)) ?? error;
    });
  } catch (error) {
    terminal.failure(error);
    process.exitCode = 1;
  }
};

const envFile = join(CHECKOUT, '.env');
if (existsSync(envFile)) process.loadEnvFile(envFile); // what the environment says already wins

const program = new Command('orders')
  .description('Tools for the operators of the order service.')
  .option('--json', 'results as one JSON object');
program
  .command('rebuild')
  .description('rebuild the read model from the log and put it in the place of the live one')
  .option('--whole-archive', 'bring back what was dropped from the archive')
  .option('--accept-loss', 'go on where the log has not got all that is here; what is replaced is kept')
  .action((options: RebuildCommandOptions) => run(onOurPartitions(runRebuild(options)))());
program
  .command('verify')
  .description('compare the whole read model with the log; exit code 1 if they differ')
  .action(run(onOurPartitions(runVerify)));
const role = (roles: readonly Role[]) => new Option('--role <role>', 'what they may do').choices(roles).makeOptionMandatory();
program
  .command('create-user')
  .description('add a user; the password is asked for, or is the first line of stdin')
  .requiredOption('--email <email>')
  .requiredOption('--name <name>')
  .addOption(role(USER_ROLES))
  .action((options: CreateUserOptions) => run(runCreateUser(options))());
program
  .command('create-client')
  .description('add an api client; its id and secret are printed, the secret this once')
  .requiredOption('--name <name>')
  .addOption(role(CLIENT_ROLES))
  .action((options: CreateClientOptions) => run(runCreateClient(options))());
program
  .command('dead-letters')
  .description('list the records that could not be decoded; with --json a line for each')
  .option('--limit <number>', 'how many of the newest', wholeNumber, 100)
  .action((options: DeadLettersOptions) => run(runDeadLetters(options))());
program
  .command('redrive')
  .description('let parked orders go on, or put dead letters back where they were; exit code 1 if some of them were not')
  .option('--order <id...>', 'these parked orders')
  .option('--code <code>', 'parked for this reason: FULFILMENT_REFUSED, …')
  .option('--older-than <duration>', 'parked for longer than this: 90s, 15m, 1h, 2d', durationMs)
  .option('--dead-letters', 'dead letters instead of parked orders')
  .option('--reason <reason>', 'dead letters with this reason: SCHEMA_MISMATCH, …')
  .option('--partition <number>', 'dead letters that stood in this partition', wholeNumber)
  .option('--offset <number>', 'dead letters that stood at this offset', wholeNumber)
  .option('--all', 'all of them')
  .option('--limit <number>', 'how many at most', wholeNumber, 10_000)
  .option('--dry-run', 'only say what would be redriven')
  .action((options: RedriveOptions) => run(onOurPartitions(runRedrive(options)))());
program
  .command('restore-log')
  .description('append to the log what the archive of events has and the log has not; exit code 1 if some of it was left out')
  .option('--from <schema>', 'the archive of a read model that was kept, instead of the live one', schemaName)
  .option('--dry-run', 'only say what would be appended')
  .action((options: RestoreLogCommandOptions) => run(onOurPartitions(runRestoreLog(options)))());
const archive = program.command('archive').description('what the archive of events holds, and dropping what is old');
archive
  .command('list')
  .description('the tables of the archive, with records, bytes and times; with --json a line for each')
  .action(run(runArchiveList));
archive
  .command('drop')
  .description('drop tables whose records are all older; only says which, without --yes')
  .requiredOption('--before <date>', 'older than this: 2026-11-21, 2026-11-21T08:00:00Z', moment)
  .option('--yes', 'really drop them')
  .action((options: ArchiveDropOptions) => run(runArchiveDrop(options))());
const kept = program.command('kept').description('what a rebuild replaced although the log could not give it back');
kept
  .command('list')
  .description('the schemas that are kept, with sizes, times and counts; with --json a line for each')
  .action(run(runKeptList));
kept
  .command('drop')
  .description('drop one of them for good; only says what is in it, without --really')
  .argument('<name>', 'as `kept list` says it')
  .option('--really', 'really drop it')
  .action((name: string, options: KeptDropOptions) => run(runKeptDrop(name, options))());
await program.parseAsync();
