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

Deno.serve({
  hostname: "127.0.0.1",
  port: Number(Deno.args[0] ?? 8000),
  onListen: ({ port }) => console.log(`Open http://127.0.0.1:${port}/`),
}, async (request) => {
  const name = new URL(request.url).pathname.slice(1) || "index.html";
  const type = TYPES.get(name);
  if (type === undefined) return new Response("Not found\n", { status: 404 });
  const text = await Deno.readTextFile(new URL(name, import.meta.url));
  return new Response(text, { headers: { "Content-Type": type } });
});
