/**
 * Stands in for the `deno` command when compilation is tested: notes the arguments that it gets as a line of
 * JSON, then writes the binary that is wanted, or fails as the real one does.
 * Arguments: the file of notes, how to end (`done`, `no-base`, `no-denort`, `broken`), then those of `deno`.
 */

const [notes = "", ending = "", ...args] = Deno.args;
Deno.writeTextFileSync(notes, `${JSON.stringify(args)}\n`, { append: true });

/** What the real command printed where its download host could not be reached, and with a wrong DENORT_BIN. */
const failures: Readonly<Record<string, string>> = {
  "no-base": `Download https://host.example/release/denort-x86_64-unknown-linux-gnu.zip
error: Writing deno compile executable to temporary file 'out.tmp-225677f3f54995d0'

Caused by:
    0: Setting up base binary.
    1: error sending request for url (https://host.example/release/denort-x86_64-unknown-linux-gnu.zip): client error (Connect)
    2: dns error: failed to lookup address information: Name or service not known
`,
  "no-denort": `error: Writing deno compile executable to temporary file 'out.tmp-f6242f3915f6f694'

Caused by:
    0: Could not find denort at '/nowhere'
    1: No such file or directory (os error 2)
`,
  broken: "TS2322 [ERROR]: Type 'string' is not assignable to type 'number'.\nerror: Type checking failed.\n",
};

const failure = failures[ending];
if (failure !== undefined) {
  Deno.stderr.writeSync(new TextEncoder().encode(failure));
  Deno.exit(1);
}
const output = args.find((arg) => arg.startsWith("--output="))?.substring("--output=".length) ?? "";
Deno.writeTextFileSync(output, `binary of ${args.find((arg) => arg.startsWith("--target="))}`);
