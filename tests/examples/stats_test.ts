import assert from "node:assert/strict";
import { parseStats } from "../../examples/demo/stats.ts";

const TEXT = `# HELP trunkline_messages_received_total Messages from clients
# TYPE trunkline_messages_received_total counter
trunkline_messages_received_total{transport="websocket"} 3
trunkline_messages_received_total{transport="other"} 4
trunkline_messages_sent_total{transport="websocket"} 12
trunkline_sent_bytes_total{transport="websocket"} 1.5e3
trunkline_messages_dropped_total{reason="slow_consumer"} 2
trunkline_messages_dropped_total{reason="drop_oldest"} 0
trunkline_outbox_bytes 77
trunkline_connections{transport="websocket"} 5
trunkline_connections_accepted_total{transport="websocket"} 9
trunkline_connections_closed_total{code="1000"} 6
trunkline_connections_closed_total{code="4413"} 1
trunkline_event_loop_lag_max_seconds 0.25
`;

Deno.test("parseStats: takes the numbers of the page, summed over transports", () => {
  assert.deepEqual(parseStats(TEXT, 1234), {
    atMs: 1234,
    messagesReceived: 7,
    messagesSent: 12,
    bytesSent: 1500,
    dropped: { slow_consumer: 2, drop_oldest: 0 },
    outboxBytes: 77,
    connections: 5,
    closedAsSlow: 1,
    loopLagMaxSeconds: 0.25,
  });
});

Deno.test("parseStats: what is not there is zero", () => {
  const { messagesSent, dropped, closedAsSlow } = parseStats("", 0);
  assert.deepEqual({ messagesSent, dropped, closedAsSlow }, {
    messagesSent: 0,
    dropped: {},
    closedAsSlow: 0,
  });
});
