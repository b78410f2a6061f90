/**
 * Serves this folder on loopback, for lack of a web server:
 * `deno run --allow-net --allow-read examples/browser/serve.ts [port]`
 */
// deno-lint-ignore-file no-console -- it is a program for the shell

const TYPES: ReadonlyMap<string, string> = new Map([
  ["index.html", "text/html; charset=utf-8"],
  ["app.js", "text/javascript; charset=utf-8"],
  ["trunkline.js", "text/javascript; charset=utf-8"],
]);

const [port = "8000", ...rest] = Deno.args;
if (rest.length > 0 || !/^\d{1,5}$/.test(port) || Number(port) > 65535) {
  console.error("Usage: serve.ts [port], a number from 0 to 65535; 0 takes any free one");
  Deno.exit(2);
}

Deno.serve({
  hostname: "127.0.0.1",
  port: Number(port),
  onListen: ({ port }) => console.log(`Open http://127.0.0.1:${port}/`),
}, async (request) => {
  const name = new URL(request.url).pathname.slice(1) || "index.html";
  const type = TYPES.get(name);
  if (type === undefined) return new Response("Not found\n", { status: 404 });
  const text = await Deno.readTextFile(new URL(name, import.meta.url));
  return new Response(text, { headers: { "Content-Type": type } });
});
