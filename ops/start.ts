// ops/start.ts: the name that `npm start` knows ops/stack/main.ts by.

import './stack/main.ts';
