import type { SessionRequest } from "../../../transport/session/request.ts";
import type { MiddlewareResult } from "../middleware.ts";

type Check<Locals> = (request: SessionRequest<Locals>) => Promise<MiddlewareResult>;

/** Makes instances of a class functions: calling one is calling its `check`. */
class CallableClass<Locals> {
  declare readonly check: Check<Locals>;

  constructor() {
    const call = (request: SessionRequest<Locals>): Promise<MiddlewareResult> =>
      (call as unknown as CallableClass<Locals>).check(request);
    Object.defineProperty(call, "name", { value: new.target.name });
    return Object.setPrototypeOf(call, new.target.prototype as object) as CallableClass<Locals>;
  }
}
Object.setPrototypeOf(CallableClass.prototype, Function.prototype);

/** For a class whose instances are middleware: they are functions with the class's methods. It has to define `check`. */
export const CallableMiddleware = CallableClass as unknown as new <Locals>() => Check<Locals>;
