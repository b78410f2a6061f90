/** Which files a hub looks at, and when it reads them again. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { agentSource, hubSource } from "../../src/cli/config_source.ts";
import { ConfigWatch } from "../../src/cli/config_watch.ts";
import type { ConfigResult } from "../../src/config/hub_config.ts";
import { FakeTime } from "../helpers/fake_time.ts";

const LOOK_MS = 100;

/** A configuration in a folder of its own. */
class Scene implements Disposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "trunkline-watch-" });
  readonly file = join(this.folder, "config.yaml");
  readonly secret = join(this.folder, "secret");
  changes = 0;

  write(text: string, name = "config.yaml"): void {
    Deno.writeTextFileSync(join(this.folder, name), text);
  }

  watch(meanwhile = () => {}): ConfigWatch<ConfigResult> {
    const watch = new ConfigWatch(hubSource({ configFile: this.file, set: [] }));
    assert.ok(watch.read().ok);
    meanwhile();
    watch.start(() => {
      this.changes++;
      watch.read();
    }, LOOK_MS);
    return watch;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}

Deno.test("Config watch: a file that is written, replaced, or a link that is led elsewhere is read once", () => {
  using scene = new Scene();
  scene.write("logging: { level: info }\n", "one.yaml");
  scene.write("logging: { level: debug }\n", "other.yaml");
  Deno.symlinkSync(join(scene.folder, "one.yaml"), scene.file);
  using time = new FakeTime();
  const watch = scene.watch();
  time.tick(10 * LOOK_MS);
  assert.equal(scene.changes, 0);
  scene.write("logging: { level: warning }\n", "one.yaml");
  time.tick(10 * LOOK_MS);
  assert.equal(scene.changes, 1, "written in place");
  Deno.symlinkSync(join(scene.folder, "other.yaml"), join(scene.folder, "next"));
  Deno.renameSync(join(scene.folder, "next"), scene.file);
  time.tick(10 * LOOK_MS);
  assert.equal(scene.changes, 2, "led elsewhere");
  scene.write("logging: { level: error }\n", "next");
  Deno.renameSync(join(scene.folder, "next"), scene.file);
  time.tick(10 * LOOK_MS);
  assert.equal(scene.changes, 3, "replaced");
  watch.stop();
  scene.write("logging: { level: info }\n");
  time.tick(10 * LOOK_MS);
  assert.equal(scene.changes, 3);
});

Deno.test("Config watch: files of secrets and keys count, also those that a change names first", () => {
  using scene = new Scene();
  const keys = join(scene.folder, "keys.json");
  scene.write('{"keys":[]}', "keys.json");
  scene.write("x".repeat(32), "secret");
  scene.write(`auth: { jwt: { jwks: ${keys} } }\n`);
  using time = new FakeTime();
  const watch = scene.watch();
  scene.write('{"keys":[ ]}', "keys.json");
  time.tick(10 * LOOK_MS);
  assert.equal(scene.changes, 1);
  scene.write("y".repeat(33), "secret");
  time.tick(10 * LOOK_MS);
  assert.equal(scene.changes, 1, "nobody named it");
  scene.write(`auth: { jwt: { secret: { file: ${scene.secret} } } }\n`);
  time.tick(10 * LOOK_MS);
  assert.equal(scene.changes, 2);
  scene.write("z".repeat(34), "secret");
  time.tick(10 * LOOK_MS);
  assert.equal(scene.changes, 3);
  watch.stop();
});

Deno.test("Config watch: a file that is wrong is looked at all the same, one that does not want it is not", () => {
  using scene = new Scene();
  scene.write("logging: { level: info }\n");
  using time = new FakeTime();
  const watch = scene.watch();
  scene.write("logging: [\n");
  time.tick(10 * LOOK_MS);
  assert.equal(scene.changes, 1);
  scene.write("config: { watch: false }\n");
  time.tick(10 * LOOK_MS);
  assert.equal(scene.changes, 2);
  scene.write("config: { watch: true }\n");
  time.tick(10 * LOOK_MS);
  assert.equal(scene.changes, 2, "it takes a signal, or an administrator");
  assert.ok(watch.read().ok);
  scene.write("logging: { level: debug }\n");
  time.tick(10 * LOOK_MS);
  assert.equal(scene.changes, 3);
  watch.stop();
});

Deno.test("Config watch: what changes while the hub starts is read as soon as it has", () => {
  using scene = new Scene();
  scene.write("x".repeat(32), "secret");
  scene.write(`auth: { jwt: { secret: { file: ${scene.secret} } } }\n`);
  using time = new FakeTime();
  const watch = scene.watch(() => scene.write("y".repeat(33), "secret"));
  time.tick(10 * LOOK_MS);
  assert.equal(scene.changes, 1);
  time.tick(10 * LOOK_MS);
  assert.equal(scene.changes, 1);
  watch.stop();
});

Deno.test("Config watch: what changes while a reading goes on is read again", () => {
  using scene = new Scene();
  scene.write("logging: { level: info }\n");
  using time = new FakeTime();
  const source = hubSource({ configFile: scene.file, set: [] });
  const levels: string[] = [];
  const watch = new ConfigWatch({
    ...source,
    read(files) {
      const result = source.read(files);
      assert.ok(result.ok);
      levels.push(result.config.logging.level);
      if (levels.length === 2) scene.write("logging: { level: warning }\n");
      return result;
    },
  });
  watch.read();
  watch.start(() => void watch.read(), LOOK_MS);
  scene.write("logging: { level: debug }\n");
  time.tick(10 * LOOK_MS);
  assert.deepEqual(levels, ["info", "debug", "warning"]);
  watch.stop();
});

Deno.test("Config watch: the authority of an agent's local service counts", () => {
  using scene = new Scene();
  const ca = join(scene.folder, "ca.pem");
  scene.write("one", "ca.pem");
  scene.write(`tunnels: [{ name: web, kind: http, local: "https://127.0.0.1:1", ca: ${ca} }]\n`);
  using time = new FakeTime();
  let changes = 0;
  const watch = new ConfigWatch(agentSource({ configFile: scene.file, set: [] }));
  assert.ok(watch.read().ok);
  watch.start(() => changes++, LOOK_MS);
  scene.write("other", "ca.pem");
  time.tick(10 * LOOK_MS);
  assert.equal(changes, 1);
  watch.stop();
});
