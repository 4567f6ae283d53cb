// Goal: while the database stands still, every kind of request is answered within its limit and says what is missing, and orders are taken;
// when it goes on, so does the service, with nothing lost. Method: PostgreSQL's processes are stopped with SIGSTOP under a light load, then
// woken up.

import { hangDatabase } from '../../support/faults/stand-still.ts';
import { throughAHang } from './through-a-hang.ts';

throughAHang({ what: 'the database', begin: hangDatabase, expected: 'databaseHangs' });
