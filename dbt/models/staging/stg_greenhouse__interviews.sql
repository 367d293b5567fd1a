{{ greenhouse_v3.stage('interviews') }}
