import assert from "node:assert/strict";
import { localCause } from "../../src/agent/local_fault.ts";
import { FILE_NAMES, OPTION_NAMES } from "../../src/agent/setting_names.ts";

Deno.test("Local fault: says what to do about a certificate, by key of the file or by option", () => {
  const file = { scheme: "https", names: FILE_NAMES };
  const options = { scheme: "https", names: OPTION_NAMES };
  assert.match(localCause("DEPTH_ZERO_SELF_SIGNED_CERT", options), /--local-ca, or .* --local-insecure$/);
  assert.match(
    localCause("DEPTH_ZERO_SELF_SIGNED_CERT", file),
    /tunnels\[\]\.ca, or .* tunnels\[\]\.insecure$/,
  );
  assert.match(localCause("ERR_TLS_CERT_ALTNAME_INVALID", options), /for another host .*--local-insecure$/);
  assert.match(localCause("ERR_SSL_WRONG_VERSION_NUMBER", options), /does not speak TLS .* http:\/\/$/);
});

Deno.test("Local fault: what is not about TLS has no advice about certificates", () => {
  for (const reason of ["ECONNREFUSED", "ETIMEDOUT", "it did not answer in time"]) {
    for (const scheme of ["http", "https", null]) {
      assert.ok(!/certificate|--local/.test(localCause(reason, { scheme, names: OPTION_NAMES })), reason);
    }
  }
});
