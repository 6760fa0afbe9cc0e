// Built with -fgnu-unique: it could never be unloaded again.
#include "raw_plugin.h"

template <class T>
struct __attribute__((visibility("default"))) Shared {
  static T value;
};
template <class T>
T Shared<T>::value{};

RAW_NOTE("unique-symbol", 0);
RAW_ENTRY([] {
  Shared<int>::value += 1;
  return raw::table("unique-symbol");
});
