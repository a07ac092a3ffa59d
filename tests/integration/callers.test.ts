/** Other engines of an ordinary user, with tsbox as their runtime. `callers/main.ts` shows the same with any runtime. */
import { testCallers } from "./callers/test-callers.ts";

testCallers();
