"""Davis WeatherLink Live: a weather station's current conditions over HTTP."""
