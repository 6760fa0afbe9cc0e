// What the log itself shows in the metrics.
#pragma once

namespace postern {

// Registers postern_log_lines_dropped. Once in a process; more calls do nothing.
void publish_log_metrics();

}  // namespace postern
