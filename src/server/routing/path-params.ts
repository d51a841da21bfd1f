import type { DynamicParams } from "../../transport/types.ts";

/** The parameters of a path's `:name` segments. */
export type PathParams<Path extends string> = string extends Path
  ? DynamicParams
  : Readonly<Record<ParamNames<Path>, string>>;

type ParamNames<Path extends string> = Path extends `${infer Segment}/${infer Rest}`
  ? ParamNames<Segment> | ParamNames<Rest>
  : Path extends `:${infer Name}`
    ? Name
    : never;
