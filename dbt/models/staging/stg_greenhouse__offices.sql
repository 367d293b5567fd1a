{{ greenhouse_v3.stage('offices') }}
