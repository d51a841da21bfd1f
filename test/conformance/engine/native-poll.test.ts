import { describeEngine } from "./engine-suite.ts";
import { nativeUnderTest } from "./native-under-test.ts";

describeEngine("native (poll)", nativeUnderTest("poll"));
