import AttendanceCore
import AttendanceStore
extension Store { package var rates: PunchRates { PunchRates() } }
