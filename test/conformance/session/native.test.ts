import { nativeUnderTest } from "../engine/native-under-test.ts";

import { describeSessions } from "./session-suite.ts";

describeSessions("the native engine (uv)", { factory: nativeUnderTest("uv"), keepsDatagrams: true, keepsOrder: true });
describeSessions("the native engine (poll)", {
  factory: nativeUnderTest("poll"),
  keepsDatagrams: true,
  keepsOrder: true,
});
