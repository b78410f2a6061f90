import assert from "node:assert/strict";
import fc from "fast-check";
import type { OutgoingMessage } from "../../src/core/transport.ts";
import { Hub, type HubMember } from "../../src/hub/hub.ts";
import { RelayMessage } from "../../src/hub/relay_message.ts";
import type { Channel, PushResult } from "../../src/core/delivery.ts";

class FakeMessage implements OutgoingMessage {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  encodedFor() {
    return { parts: [], bytes: 0 };
  }
}

class FakeMember implements HubMember {
  readonly got: string[] = [];
  onSend: ((message: string) => void) | null = null;

  constructor(readonly id: string) {}

  publish(message: OutgoingMessage): PushResult {
    if (message instanceof FakeMessage) {
      this.got.push(message.name);
      this.onSend?.(message.name);
    }
    return "queued";
  }
}

const CHANNEL: Channel = { name: "test", slowConsumer: "close", gapNotice: null };

function say(hub: Hub<FakeMember>, name: string, except: FakeMember | null = null): number {
  return hub.broadcast({ message: new FakeMessage(name), channel: CHANNEL, except });
}

Deno.test("Hub: register and unregister say whether anything changed", () => {
  const hub = new Hub<FakeMember>();
  const member = new FakeMember("a");
  assert.equal(hub.register(member), true);
  assert.equal(hub.register(member), false);
  assert.equal(hub.register(new FakeMember("a")), false);
  assert.equal(hub.unregister(new FakeMember("a")), false, "another member of the same id is not this one");
  assert.equal(hub.unregister(member), true);
  assert.equal(hub.unregister(member), false);
  assert.equal(hub.size, 0);
});

Deno.test("Hub: a broadcast reaches everybody but the one left out", () => {
  const hub = new Hub<FakeMember>();
  const [a, b, c] = [new FakeMember("a"), new FakeMember("b"), new FakeMember("c")];
  for (const member of [a, b, c]) hub.register(member);
  say(hub, "1");
  say(hub, "2", b);
  assert.deepEqual([a.got, b.got, c.got], [["1", "2"], ["1"], ["1", "2"]]);
});

Deno.test("Hub: a broadcast from inside a broadcast comes after it for everybody", () => {
  const hub = new Hub<FakeMember>();
  const [a, b] = [new FakeMember("a"), new FakeMember("b")];
  a.onSend = (name) => name === "1" && say(hub, "2");
  for (const member of [a, b]) hub.register(member);
  say(hub, "1");
  assert.deepEqual([a.got, b.got], [["1", "2"], ["1", "2"]]);
});

Deno.test("Hub: who registers during a broadcast gets only later ones, who leaves gets no more", () => {
  const hub = new Hub<FakeMember>();
  const [a, b, late] = [new FakeMember("a"), new FakeMember("b"), new FakeMember("late")];
  a.onSend = (name) => {
    if (name !== "1") return;
    hub.register(late);
    hub.unregister(b);
  };
  for (const member of [a, b]) hub.register(member);
  say(hub, "1");
  say(hub, "2");
  assert.deepEqual([a.got, b.got, late.got], [["1", "2"], [], ["2"]]);
});

Deno.test("Hub: a broadcast to 1,000 connections of one kind is encoded once", () => {
  const hub = new Hub<HubMember>();
  const encodings = new Set<unknown>();
  const message = new RelayMessage(new Uint8Array(100), false);
  for (let i = 0; i < 1000; i++) {
    hub.register({
      id: String(i),
      publish: (sent) => {
        encodings.add(sent.encodedFor("websocket"));
        return "queued";
      },
    });
  }
  assert.equal(hub.broadcast({ message, channel: CHANNEL, except: null }), 1000);
  assert.equal(encodings.size, 1);
});

Deno.test("Hub: any two members see the broadcasts that both got in the same order", () => {
  const steps = fc.array(
    fc.record({ kind: fc.constantFrom("register", "unregister", "broadcast", "nested"), member: fc.nat(4) }),
    { maxLength: 60 },
  );
  fc.assert(fc.property(steps, (script) => {
    const hub = new Hub<FakeMember>();
    const members = Array.from({ length: 5 }, (_, i) => new FakeMember(`m${i}`));
    let serial = 0;
    for (const { kind, member: index } of script) {
      const member = members[index];
      if (member === undefined) continue;
      if (kind === "register") hub.register(member);
      else if (kind === "unregister") hub.unregister(member);
      else {
        if (kind === "nested") {
          member.onSend = () => {
            member.onSend = null;
            say(hub, String(serial++));
          };
        }
        say(hub, String(serial++));
      }
    }
    for (const { got } of members) assert.equal(new Set(got).size, got.length, "nothing twice");
    for (const first of members) {
      for (const second of members) {
        const common = new Set(first.got.filter((name) => second.got.includes(name)));
        const inOrder = (got: string[]) => got.filter((name) => common.has(name));
        assert.deepEqual(inOrder(first.got), inOrder(second.got));
      }
    }
  }));
});
