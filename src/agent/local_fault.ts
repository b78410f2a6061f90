/** Says why a local service could not be reached, and what to do about it where there is something. */
import type { SettingNames } from "./setting_names.ts";

/** What an error of a socket that has a code of the system, or of HTTP, is about; all others are of TLS. */
const NOT_OF_TLS = /^E[A-Z]+$| /;
const NOT_TLS = "ERR_SSL_WRONG_VERSION_NUMBER";
const WRONG_HOST = "ERR_TLS_CERT_ALTNAME_INVALID";

/** The cause for a person. `reason` is a code of the system or of TLS, or a sentence. */
export function localCause(
  reason: string,
  { scheme, names }: { readonly scheme: string | null; readonly names: SettingNames },
): string {
  if (reason === "ECONNREFUSED") return "the connection was refused (ECONNREFUSED); see that it runs there";
  if (scheme !== "https" || NOT_OF_TLS.test(reason)) return reason;
  if (reason === NOT_TLS) return `it does not speak TLS (${reason}); write its URL with http://`;
  const { localCa, localInsecure } = names;
  const seen = reason === WRONG_HOST
    ? "its certificate is for another host"
    : "its certificate is not trusted";
  const authority = reason === WRONG_HOST ? "" : `name its authority with ${localCa}, or `;
  return `${seen} (${reason}); ${authority}leave it unchecked with ${localInsecure}`;
}
