import { describe, expect, it } from "vitest";

import { ConfigurationError } from "../../../../src/errors/errors.ts";
import { sessionParameters } from "../../../../src/monitor/dashboard/session-parameters.ts";

describe("a query of the session table", () => {
  const read = (text: string): object => sessionParameters(new URLSearchParams(text));

  it("is what its URL says; what is not there keeps its default", () => {
    expect(read("")).toEqual({});
    expect(read("limit=25&offset=50&sort=rtt&descending=true&filter=%20Rooms%2F%C3%A4%20")).toEqual({
      limit: 25,
      offset: 50,
      sort: "rtt",
      descending: true,
      filter: "Rooms/ä",
    });
    expect(read("descending=false&filter=")).toEqual({ descending: false, filter: "" });
  });

  it("has no filter without end", () => {
    expect(read(`filter=${"x".repeat(5000)}`)).toEqual({ filter: "x".repeat(200) });
  });

  it.each(["limit=0", "limit=1001", "limit=1e3", "limit=-1", "offset=100001", "offset=x", "sort=__proto__", "sort="])(
    "is refused when it is %j",
    (text) => {
      expect(() => read(text)).toThrow(ConfigurationError);
    },
  );
});
