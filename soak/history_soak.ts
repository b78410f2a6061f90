/**
 * Kills a hub with a store on disk under 1,000 messages a second, again and again: every message that was answered
 * comes to a subscriber that resumes once and in order.
 */
import { runHistoryRounds } from "./history_rounds.ts";
import type { Soak, SoakOptions, SoakResult } from "./soak.ts";

const MESSAGES_PER_SECOND = 1000;
/** A round takes about two seconds. */
const MAX_ROUNDS = 100;

async function run({ cycles, seed, progress }: SoakOptions): Promise<SoakResult> {
  const rounds = Math.min(cycles, MAX_ROUNDS);
  const result = await runHistoryRounds({
    rounds,
    messagesPerSecond: MESSAGES_PER_SECOND,
    random: from(seed),
    progress,
  });
  const { published, received, sentAgain, duplicates, problems, startMs } = result;
  const lines = [
    `The hub was killed ${rounds} times and started within ${Math.max(...startMs)} ms at the slowest`,
    `${published} messages were published, ${received} came; ${sentAgain} were sent again, ${duplicates} of them had been kept`,
  ];
  const missing = published === received ? [] : [`${published - received} messages did not come`];
  return { problems: [...problems, ...missing], lines, figures: { rounds, ...result } };
}

/** Numbers from 0 to below 1 that are the same for the same seed (mulberry32). */
function from(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** The soak. */
export const soak: Soak = {
  name: "history",
  about:
    `kills a hub with a store on disk up to ${MAX_ROUNDS} times under ${MESSAGES_PER_SECOND} messages a second`,
  run,
};
