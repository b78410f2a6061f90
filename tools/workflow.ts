/**
 * The part of a workflow file that the tools and tests of this repository read: triggers, jobs and their steps.
 */

import { parse } from "yaml";
import { z } from "zod";

const stepSchema = z.looseObject({
  name: z.string().optional(),
  run: z.string().optional(),
  uses: z.string().optional(),
});

const workflowSchema = z.looseObject({
  name: z.string(),
  on: z.record(z.string(), z.unknown()),
  jobs: z.record(z.string(), z.looseObject({ steps: z.array(stepSchema) })),
});

/** A workflow. */
export type Workflow = z.infer<typeof workflowSchema>;

/** Reads a workflow from its YAML text. Throws where it has not the shape of one. */
export function parseWorkflow(yaml: string): Workflow {
  return workflowSchema.parse(parse(yaml));
}
