// Goal: while the broker stands still, every kind of request is answered within its limit and says what is missing; when it goes on, so does
// the service, with nothing lost. Method: the broker's process is stopped with SIGSTOP under a light load, then woken up.

import { hangBroker } from '../../support/faults/stand-still.ts';
import { throughAHang } from './through-a-hang.ts';

throughAHang({ what: 'the broker', begin: hangBroker, expected: 'brokerHangs' });
