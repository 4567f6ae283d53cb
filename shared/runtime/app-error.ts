// shared/runtime/app-error.ts: operating errors, one closed table of codes. A business refusal is a value, not one of
// these; a programmer's error is a plain Error and ends the process.

/** code → whether the same call may succeed later without anybody changing anything. */
export const APP_ERRORS = {
  APPEND_OUTCOME_UNKNOWN: true,
  LOG_OVERLOADED: true,
  LOG_UNAVAILABLE: true,
  RECORD_TOO_LARGE: false,
  UNSTORABLE_TEXT: false,
  LOG_MISMATCH: false,
  LOG_GAP: false,
  LOG_DAMAGED: true,
  TOPIC_MISCONFIGURED: false,
  UNKNOWN_EVENT_TYPE: false,
  CHECKPOINT_MOVED: true,
  LEDGER_FENCED: false,
  LEDGER_WENT_BACK: false,
  DATABASE_UNAVAILABLE: true,
  MAINTENANCE_RUNNING: true,
  ROLES_RUNNING: false,
  RESTORE_TOO_LARGE: false,
  LOSS_NOT_ACCEPTED: false,
  TOO_MUCH_KEPT: false,
  PASSWORDS_OVERLOADED: true,
  CONFIG_INVALID: false,
  SECURITY_MISMATCH: false,
  LOCAL_STACK: false,
} as const;
export type AppErrorCode = keyof typeof APP_ERRORS;

export class AppError extends Error {
  readonly code: AppErrorCode;
  readonly retryable: boolean;

  constructor(code: AppErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'AppError';
    this.code = code;
    this.retryable = APP_ERRORS[code];
  }
}

/** What `work` resolves with, or null when it cannot be had now but may be later: where to reject would say that nothing was recorded. */
export const unlessUnavailable = async <T>(work: Promise<T>): Promise<T | null> => {
  try {
    return await work;
  } catch (error) {
    if (error instanceof AppError && error.retryable) return null;
    throw error;
  }
};

const REFUSED: ReadonlySet<string> = new Set<AppErrorCode>(['CONFIG_INVALID', 'TOPIC_MISCONFIGURED', 'SECURITY_MISMATCH', 'LOG_MISMATCH']);

/** Whether a code says that the configuration does not fit what is there: only a person can change that, a restart cannot. */
export const isRefusedConfiguration = (code: string): boolean => REFUSED.has(code);
