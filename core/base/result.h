// Result<T>: a value or an Error.
#pragma once

#include <tl/expected.hpp>

#include "base/error.h"

namespace postern {

template <class T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

}  // namespace postern
