// shared/runtime/tls-errors.ts: which errors of a socket mean that two sides do not agree about TLS, whatever runs over it.

/** OpenSSL's verdicts on a certificate (X509_V_ERR_…), Node's on its names, and what goes wrong in a handshake. */
const TLS_CODE = /^(UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_|INVALID_(CA|PURPOSE)|PATH_LENGTH_|HOSTNAME_MISMATCH|ERR_TLS_CERT_|ERR_SSL_)/;

export const isTlsError = (error: Error): boolean => TLS_CODE.test(String((error as Error & { code?: unknown }).code ?? ''));
