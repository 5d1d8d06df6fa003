// Rows as they stand in index.db: a block of neighbours in a few bytes each, because most of a row follows from the one
// before it.
#pragma once

#include <functional>
#include <span>

#include "core/bytes.hpp"
#include "core/result.hpp"
#include "timeshift/segment_row.hpp"

namespace aircheck::timeshift {

// `rows` by sequence, files only: there are no GAP rows in index.db. A checksum (CRC-32) ends the bytes.
[[nodiscard]] core::Bytes pack_rows(std::span<const SegmentRow> rows);

// Gives the rows in order; the reference is to a row that is overwritten by the next. kParse: the bytes are damaged.
// No row is given then, unless the checksum holds by chance.
[[nodiscard]] core::Result<void> unpack_rows(core::ByteView bytes,
                                             const std::function<void(const SegmentRow&)>& on_row);

}  // namespace aircheck::timeshift
