/** Tests that run over plain TCP and over TLS. */
import { TestCertificates } from "./certificates.ts";

/** Defines the same test twice; `certificates` are given where it runs over TLS. */
export function testPlainAndTls(
  name: string,
  run: (certificates: TestCertificates | undefined) => Promise<void>,
): void {
  Deno.test(`${name} (plain)`, () => run(undefined));
  Deno.test(`${name} (TLS)`, async () => {
    using certificates = await TestCertificates.create();
    await run(certificates);
  });
}
