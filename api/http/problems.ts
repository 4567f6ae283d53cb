// api/http/problems.ts: every error that the api answers with, in one table (RFC 9457).
// The handler of problem-details.ts, the OpenAPI description and the page /docs/errors are made from it. Holds no logic.

interface ProblemKind {
  status: number;
  title: string;
  /** What it means and what the caller can do about it; shown on /docs/errors. */
  meaning: string;
}

export const PROBLEMS = {
  VALIDATION_FAILED: {
    status: 400,
    title: 'The request is not valid',
    meaning: 'A field, query parameter or header is missing, unknown or has a value that is not allowed; `errors` names each one.',
  },
  MALFORMED_JSON: {
    status: 400,
    title: 'The body is not valid JSON',
    meaning: 'The body is empty or cannot be parsed as JSON.',
  },
  MALFORMED_REQUEST: {
    status: 400,
    title: 'The request is not valid HTTP',
    meaning: 'The request line, the URL, a header or the length of the body cannot be understood.',
  },
  INVALID_CURSOR: {
    status: 400,
    title: 'The cursor is not valid',
    meaning: 'A cursor belongs to the filters and the sort order of the page that it came from. Start again without one.',
  },
  INVALID_TOKEN: {
    status: 400,
    title: 'The consistency token is not valid',
    meaning: 'The token is not one of ours, or lies beyond the end of the log.',
  },
  TWO_KEYS: {
    status: 400,
    title: 'Idempotency-Key and a chosen id together',
    meaning: 'Both say which order, product or batch is meant. Send one of the two.',
  },
  KEY_NOT_SUPPORTED: {
    status: 400,
    title: 'This route takes no Idempotency-Key',
    meaning:
      'A key works wherever the log records something: submissions, changes of orders, products, stock, and populate; each line of an import has its own. Elsewhere it would promise what is not kept.',
  },
  UNAUTHENTICATED: {
    status: 401,
    title: 'Credentials are missing or not valid',
    meaning: 'Send a token of POST /auth as `Bearer`, or `Basic` with email and password or with the id and secret of an api client.',
  },
  FORBIDDEN: {
    status: 403,
    title: 'Not allowed',
    meaning:
      'The role of the caller does not reach this far (docs/access.md), or the page that asks has a foreign origin. Without access control the service answers only to a loopback host name, and to pages of its own.',
  },
  ORDER_NOT_FOUND: {
    status: 404,
    title: 'There is no such order',
    meaning: 'No order with this id is in the log, up to its end at the time of the request.',
  },
  PRODUCT_NOT_FOUND: {
    status: 404,
    title: 'There is no such product',
    meaning: 'No product with this id is in the log, up to its end at the time of the request.',
  },
  REQUEST_NOT_FOUND: {
    status: 404,
    title: 'There is no such request',
    meaning: 'The log has no request with this id for this order, up to its end at the time of the question.',
  },
  USER_NOT_FOUND: {
    status: 404,
    title: 'There is no such user',
    meaning: 'No user has this id, or not any more.',
  },
  ROUTE_NOT_FOUND: {
    status: 404,
    title: 'There is no such route',
    meaning: 'See /docs for the routes that there are.',
  },
  HISTORY_DROPPED: {
    status: 410,
    title: 'The history of the order is not kept any more',
    meaning:
      'What is older was dropped from the archive. The order itself can be read as ever; its events, its earlier states, and the first answer to its Idempotency-Key cannot. A repeated key makes no second order all the same.',
  },
  METHOD_NOT_ALLOWED: {
    status: 405,
    title: 'The route does not have this method',
    meaning: 'The header `Allow` lists the methods that it has.',
  },
  NOT_ACCEPTABLE: {
    status: 406,
    title: 'None of the accepted types can be given',
    meaning: 'The header `Accept` excludes application/json (for /metrics: text/plain too).',
  },
  ORDER_ID_TAKEN: {
    status: 409,
    title: 'The order id is taken',
    meaning: 'An order with this id exists. A repeated client-chosen order_id is always refused; for safe retries use Idempotency-Key.',
  },
  PRODUCT_ID_TAKEN: {
    status: 409,
    title: 'The product id is taken',
    meaning: 'A product with this id exists.',
  },
  STOCK_WOULD_BE_NEGATIVE: {
    status: 409,
    title: 'The stock cannot be taken away',
    meaning: 'Fewer units are on hand than were to be taken away, or open orders have reserved them. Nothing has changed.',
  },
  STOCK_TOO_LARGE: {
    status: 409,
    title: 'The stock would be too large',
    meaning: 'At most 1,000,000,000 units of a product can be on hand. Nothing has changed.',
  },
  ILLEGAL_TRANSITION: {
    status: 409,
    title: 'The order cannot be changed like this',
    meaning:
      'The lifecycle does not lead from the status that the order has to what was asked for. Nothing has changed; read the order to see its status.',
  },
  OUT_OF_STOCK: {
    status: 409,
    title: 'Not enough is in stock',
    meaning: 'The order cannot be processed by hand: at least one of its items is not available in this quantity. It stays as it is.',
  },
  REFERENCE_MISMATCH: {
    status: 409,
    title: 'The order was accepted under another reference',
    meaning:
      'The report names another `reference` than the answer 202 with which the order was accepted: it is about an earlier acceptance, or about another order. Nothing has changed.',
  },
  VERSION_MISMATCH: {
    status: 412,
    title: 'The order has another version',
    meaning: 'The order is not, or no longer, in the version that If-Match names. Read it again and decide again.',
  },
  EMAIL_TAKEN: {
    status: 409,
    title: 'The email is taken',
    meaning: 'Another user has this email; upper and lower case are the same.',
  },
  PAYLOAD_TOO_LARGE: {
    status: 413,
    title: 'The body is too large',
    meaning: 'How long a body may be is set by the route: 64 KiB for an order and each line of an import, less for everything else.',
  },
  UNSUPPORTED_MEDIA_TYPE: {
    status: 415,
    title: 'The content type is not supported',
    meaning: 'Bodies must be application/json; that of an import application/x-ndjson.',
  },
  IDEMPOTENCY_KEY_REUSED: {
    status: 422,
    title: 'The key was used for another command',
    meaning: 'An Idempotency-Key stands for one command. Use a new key for a new command.',
  },
  PRICE_MISMATCH: {
    status: 422,
    title: 'The price is not the one in the catalogue',
    meaning: 'A unit_price differs from what the catalogue says now. Read the product again, or leave the price out.',
  },
  UNKNOWN_PRODUCT: {
    status: 422,
    title: 'The product is not in the catalogue',
    meaning: 'With CATALOG=closed only products of the catalogue can be ordered.',
  },
  TOTAL_MISMATCH: {
    status: 422,
    title: 'The total is not the sum of the prices',
    meaning: 'Every item has a unit_price, and total_amount differs from the sum of quantity times price.',
  },
  TOTAL_REQUIRED: {
    status: 422,
    title: 'The total is missing',
    meaning: 'The catalogue does not price all items of this order, so total_amount must be given.',
  },
  UPGRADE_REQUIRED: {
    status: 426,
    title: 'This route speaks WebSocket',
    meaning: 'Open /feed as a WebSocket.',
  },
  RATE_LIMITED: {
    status: 429,
    title: 'Too many requests',
    meaning:
      'More requests a second than RATE_LIMIT_PER_SECOND, more than 5 wrong passwords a minute for one email or 30 from one address, or more than 20 open feeds. Wait for `Retry-After` seconds.',
  },
  INTERNAL: {
    status: 500,
    title: 'Something went wrong on our side',
    meaning: 'A defect. The `request_id` finds the log line that says more.',
  },
  LOG_UNAVAILABLE: {
    status: 503,
    title: 'The log cannot be reached',
    meaning:
      'The log did not answer in time. A submission may or may not have been recorded, now or later: with an Idempotency-Key the same request can be sent again safely; without one, look for the `order_id` of the problem. Or a newer version has written what this instance cannot read: then nothing was recorded, and another instance may serve it.',
  },
  READ_MODEL_UNAVAILABLE: {
    status: 503,
    title: 'The database cannot be reached',
    meaning:
      'The database did not answer in time. Try again after `Retry-After` seconds. No order or product was recorded; a change of a user may have been made.',
  },
  OVERLOADED: {
    status: 503,
    title: 'Too much at once',
    meaning:
      'Too much comes or is under way: orders and changes a second (ADMISSION_MAX_PER_SECOND), requests, submissions that wait for the log, open orders; or the catalogue is full. Nothing was recorded; try again after `Retry-After` seconds.',
  },
} as const satisfies Record<string, ProblemKind>;

export type ProblemCode = keyof typeof PROBLEMS;
export const PROBLEM_CODES = Object.keys(PROBLEMS) as ProblemCode[];
export const isProblemCode = (code: string): code is ProblemCode => code in PROBLEMS;

/** One thing that is wrong with a request: where (a JSON pointer into the body, or `query/NAME`, `path/NAME`, `header/NAME`) and why. */
export interface FieldError {
  path: string;
  message: string;
}

export interface ProblemExtras {
  errors?: readonly FieldError[];
  /** The order that a submission with an unknown outcome would have become. */
  orderId?: string;
  /** The request that a command with an unknown outcome would have become. */
  requestId?: string;
  headers?: Readonly<Record<string, string>>;
}

/** Thrown by routes; answered by problem-details.ts. `detail` is shown to the caller. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly extras: ProblemExtras;

  constructor(code: ProblemCode, detail: string, extras: ProblemExtras = {}) {
    super(detail);
    this.name = 'Problem';
    this.code = code;
    this.extras = extras;
  }
}

export const validationFailed = (errors: readonly FieldError[]): Problem => {
  const [first] = errors;
  const detail = first === undefined ? 'The request is not valid.' : `${first.path} ${first.message}.`;
  return new Problem('VALIDATION_FAILED', detail, { errors });
};
