/** Other engines that root runs, with tsbox as their runtime. `tests/integration/callers/main.ts` shows the same with any runtime. */
import { testCallers } from "../integration/callers/test-callers.ts";

testCallers();
