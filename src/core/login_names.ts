/**
 * What names and tokens of logins may look like, wherever they stand: in a configuration, in a claim, in a handshake.
 * Names go into logs, onto terminals and into the paths of stores, so none holds a control character.
 */

/** The longest subject and the longest id of a token, in characters. */
export const MAX_SUBJECT_LENGTH = 255;
/** The longest name of a role, tenant or account, in characters. */
export const MAX_NAME_LENGTH = 128;

// deno-lint-ignore no-control-regex
const CONTROL_CHARACTER = /[\u0000-\u001f\u007f-\u009f]/;
/** The syntax of RFC 6750, section 2.1: what fits into a header, a subprotocol and a query. */
const TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/;

/** Whether a value is the name of a subject, or the id of a token. */
export function isSubject(value: unknown): value is string {
  return isNameWithin(value, MAX_SUBJECT_LENGTH);
}

/** Whether a value is the name of a role, a tenant or an account. */
export function isLoginName(value: unknown): value is string {
  return isNameWithin(value, MAX_NAME_LENGTH);
}

/** Whether a text has the syntax of a token, whatever its length. */
export function isTokenText(text: string): boolean {
  return TOKEN.test(text);
}

function isNameWithin(value: unknown, maxLength: number): value is string {
  return typeof value === "string" && value !== "" && value.length <= maxLength &&
    !CONTROL_CHARACTER.test(value);
}
